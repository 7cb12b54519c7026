extension StoreError: CustomStringConvertible {
  /// What went wrong, for the log and for whoever works at the machine: the command line shows it as it is.
  /// The API has words of its own, which give no cause away.
  package var description: String {
    switch self {
    case .unavailable(let cause), .conflict(let cause): cause
    case .notFound(let what): "there is no such \(what)"
    case .invalid(let field, let message): field.isEmpty ? message : "`\(field)` \(message)"
    case .internalError(let cause): "a defect, or data that is damaged: \(cause)"
    }
  }
}
