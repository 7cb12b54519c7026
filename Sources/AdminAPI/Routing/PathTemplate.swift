/// A path with names in braces, each of which stands for one segment: `/admin/v1/users/{id}/budget`.
package struct PathTemplate: Sendable {
  /// As it was written.
  package let text: String
  private let segments: [Substring]

  /// Begins with a slash.
  package init(_ text: String) {
    self.text = text
    segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
  }

  /// A request's path, as ``parameters(of:)`` takes it; none of a path without a slash in front.
  package static func segments(of path: String) -> [Substring.UTF8View] {
    guard path.utf8.first == UInt8(ascii: "/") else { return [] }
    return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(\.utf8)
  }

  /// The values of the names in braces, decoded; nil when the path is another one.
  package func parameters(of path: [Substring.UTF8View]) -> [String: String]? {
    guard path.count == segments.count else { return nil }
    var parameters: [String: String] = [:]
    for (segment, given) in zip(segments, path) {
      if segment.first == "{" {
        guard let value = Query.decode(given), !value.isEmpty else { return nil }
        parameters[String(segment.dropFirst().dropLast())] = value
      } else if !segment.utf8.elementsEqual(given) {
        return nil
      }
    }
    return parameters
  }
}
