internal import Events
internal import ServiceLifecycle

/// Sends events to their targets until the gate stops; what is under way then may end first, within seconds.
struct EventDelivery: Service {
  let deliverer: EventDeliverer
  let transport: HTTPWebhookTransport

  func run() async throws {
    await withGracefulShutdownHandler {
      await deliverer.run()
    } onGracefulShutdown: {
      deliverer.stop()
    }
    try await transport.shutdown()
  }
}
