internal import AdminAPI
internal import Events
internal import Gate
internal import NIOPosix
package import Settings
internal import Signatures

/// `events test`: one event of the type `tollgate.test`, signed and posted as any other, and not stored.
package enum EventTrial {
  /// Posts it to a target of the config and shows what it answered. An answer other than 2xx is a failure.
  package static func send(to name: String, _ settings: Settings) async throws -> Answer {
    let targets = settings.server.events.targets
    guard let section = targets.first(where: { $0.name == name }) else {
      throw CommandFailure("`\(name)` \(ReplayTargets.Refusal.unknown(targets.map(\.name)))")
    }
    let id = "evt_\(Hex.encode(RandomBytes.make(count: 16)))"
    let now = Clock.now()
    let request = EventMessage.request(
      id: id, type: EventType.test, occurredAt: now, data: #"{"target":"\#(name)"}"#,
      to: try DeliveryTarget(section), now: now)
    let transport = HTTPWebhookTransport(group: .singleton, connectionsPerHost: 1)
    let reply: WebhookReply
    do {
      reply = try await transport.post(request)
      try await transport.shutdown()
    } catch {
      try? await transport.shutdown()
      throw CommandFailure("\(name) does not answer: \(error)")
    }
    let text = String(decoding: reply.body, as: UTF8.self)
    let status = Int64(reply.status)
    var answer = Answer(
      ["id": .string(id), "target": .string(name), "status": .integer(status), "body": .embedded(text)],
      [.line("\(status) \(Printable.line(text))")])
    if !(200..<300).contains(status) { answer.failure = CommandFailure("\(name) refused it with \(status)") }
    return answer
  }
}
