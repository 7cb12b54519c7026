internal import AdminAPI

/// What a command has to say, in both of its forms.
package struct Answer: Sendable, Equatable {
  /// A piece of the form for people.
  package enum Part: Sendable, Equatable {
    case line(String)
    case table(TextTable)
  }

  /// One line of JSON, as the admin API gives it.
  package let json: String
  /// For standard output.
  package let parts: [Part]
  /// Remarks for standard error, one line each; left out of the JSON form.
  package var notes: [String]
  /// What went wrong although there is an answer; the command then ends as failed.
  package var failure: CommandFailure?

  init(_ json: JSON, _ parts: [Part], notes: [String] = []) {
    self.json = String(decoding: json.bytes, as: UTF8.self)
    self.parts = parts
    self.notes = notes
  }

  /// The lines for standard output.
  package func lines(width: Int? = nil, colors: Bool = false) -> [String] {
    parts.flatMap { part in
      switch part {
      case .line(let text): [Printable.text(text)]
      case .table(let table): table.lines(width: width, colors: colors)
      }
    }
  }
}
