/// One call of the API: method and path, who may make it, and what it does.
package struct Route: Sendable {
  /// `GET`; a HEAD is served by it, too.
  package var method: String
  /// `/admin/v1/users/{id}/budget`; names in braces stand for one segment.
  package var template: String { path.text }
  /// Who may call it.
  package var access: Access
  /// More is 413.
  package var bodyBytesMax: Int
  private let path: PathTemplate
  let handle: @Sendable (Exchange) async throws -> ControlResponse

  /// 64 KiB.
  package static let bodyBytesMaxDefault = 65_536

  init(
    _ method: String, _ template: String, _ access: Access,
    bodyBytesMax: Int = Route.bodyBytesMaxDefault,
    handle: @escaping @Sendable (Exchange) async throws -> ControlResponse
  ) {
    self.method = method
    self.access = access
    self.bodyBytesMax = bodyBytesMax
    path = PathTemplate(template)
    self.handle = handle
  }

  /// As ``PathTemplate/parameters(of:)``.
  func parameters(of segments: [Substring.UTF8View]) -> [String: String]? { path.parameters(of: segments) }
}
