/// One call of the API: method and path, who may make it, and what it does.
package struct Route: Sendable {
  /// `GET`; a HEAD is served by it, too.
  package var method: String
  /// `/admin/v1/users/{id}/budget`; names in braces stand for one segment.
  package var template: String
  /// Who may call it.
  package var access: Access
  /// More is 413.
  package var bodyBytesMax: Int
  let segments: [Substring]
  let handle: @Sendable (Exchange) async throws -> ControlResponse

  /// 64 KiB.
  package static let bodyBytesMaxDefault = 65_536

  init(
    _ method: String, _ template: String, _ access: Access,
    bodyBytesMax: Int = Route.bodyBytesMaxDefault,
    handle: @escaping @Sendable (Exchange) async throws -> ControlResponse
  ) {
    self.method = method
    self.template = template
    self.access = access
    self.bodyBytesMax = bodyBytesMax
    self.segments = template.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    self.handle = handle
  }

  /// The values of the names in braces, decoded; nil when the path is another one.
  func parameters(of path: [Substring.UTF8View]) -> [String: String]? {
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
