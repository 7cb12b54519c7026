internal import Events
internal import Gate
internal import NIOPosix
internal import PostgresStore
internal import Settings
internal import Signatures

extension Backend {
  /// The config's targets with their secrets, which the settings have found good.
  func eventTargets() throws(SigningSecrets.Refusal) -> [DeliveryTarget] {
    var targets: [DeliveryTarget] = []
    for target in settings.server.events.targets { targets.append(try DeliveryTarget(target)) }
    return targets
  }

  /// What sends events; nil without a target.
  func eventDelivery(on group: MultiThreadedEventLoopGroup) throws(SigningSecrets.Refusal) -> EventDelivery? {
    let targets = try eventTargets()
    guard !targets.isEmpty else { return nil }
    let transport = HTTPWebhookTransport(
      group: group, connectionsPerHost: EventDeliverer.connections(for: targets.count))
    let deliverer = EventDeliverer(
      store: store, targets: targets, transport: transport,
      pollMilliseconds: settings.server.ledger.outboxPollMilliseconds, now: Clock.now, logger: logger)
    return EventDelivery(deliverer: deliverer, transport: transport)
  }
}

extension DeliveryTarget {
  /// As the settings have it.
  init(_ settings: EventTargetSettings) throws(SigningSecrets.Refusal) {
    self.init(
      target: EventTarget(name: settings.name, types: settings.types), url: settings.url.revealed,
      secrets: try SigningSecrets(settings.secrets.map(\.revealed)),
      timeoutMilliseconds: settings.timeoutMilliseconds)
  }
}
