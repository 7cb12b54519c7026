/// Where events are posted to.
package struct WebhookEndpoint: Sendable, Equatable {
  /// `we_…`.
  package var id: String
  package var url: String
  /// The signing secrets; several while one is rolled.
  package var secrets: [String]
  /// As the API version that the endpoint is pinned to has it.
  package var shape: PayloadShape
  /// Expandable fields are objects, which a real endpoint never sees but a careful one takes.
  package var expandsEvents: Bool

  /// An endpoint that wants all types.
  package init(
    _ url: String, secrets: [String], shape: PayloadShape = .basil, expandsEvents: Bool = false,
    id: String = "we_1"
  ) {
    self.id = id
    self.url = url
    self.secrets = secrets
    self.shape = shape
    self.expandsEvents = expandsEvents
  }
}
