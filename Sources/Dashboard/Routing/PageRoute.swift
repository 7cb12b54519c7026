internal import AdminAPI

/// One page, or one thing that a form does.
package struct PageRoute: Sendable {
  /// Who may come here.
  package enum Access: String, Sendable, CaseIterable {
    /// Signed in or not.
    case anyone
    /// Signed in with an admin key of any role.
    case viewer
    /// Signed in with an operator's key.
    case `operator`
  }
  /// `GET` (a HEAD is served by it, too) or `POST`.
  package let method: String
  /// `/users/{id}`; names in braces stand for one segment.
  package var template: String { path.text }
  /// Who may.
  package let access: Access
  /// A request for it keeps an idle session alive; what a page asks for by itself doesn't.
  let countsAsUse: Bool
  let handle: @Sendable (Visit) async throws -> ControlResponse
  private let path: PathTemplate

  init(
    _ method: String, _ template: String, _ access: Access, countsAsUse: Bool = true,
    handle: @escaping @Sendable (Visit) async throws -> ControlResponse
  ) {
    self.method = method
    self.access = access
    self.countsAsUse = countsAsUse
    self.handle = handle
    path = PathTemplate(template)
  }

  /// Everything there is.
  static let all: [PageRoute] = [
    SignInPages.all, AssetFiles.all, OverviewPage.all, UserPages.all, TenantPages.all, GrantForms.all,
    TokenForms.all, LimitForms.all, LedgerPages.all, BackendPage.all, BillingPages.all, WebhookPages.all,
    EventPages.all, AuditPage.all, SettingsPage.all,
  ].flatMap { $0 }

  func takes(_ asked: String) -> Bool { method == (asked == "HEAD" ? "GET" : asked) }

  /// As ``PathTemplate/parameters(of:)``.
  func parameters(of segments: [Substring.UTF8View]) -> [String: String]? { path.parameters(of: segments) }
}
