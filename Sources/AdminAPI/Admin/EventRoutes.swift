package import Gate

/// The events that are sent to the targets of the config, and what became of them.
enum EventRoutes {
  static func all(_ hooks: ControlHooks) -> [Route] {
    guard let events = hooks.events else { return [] }
    return [
      Route("GET", "/admin/v1/events", .adminRead) { try await list($0, events) },
      Route("GET", "/admin/v1/events/{id}", .adminRead) { try await get($0, events) },
      Route("POST", "/admin/v1/events/{id}/replay", .adminWrite) { try await replay($0, events) },
    ]
  }

  private static func list(_ exchange: Exchange, _ events: EventHook) async throws -> ControlResponse {
    var fields = try Fields(
      query: exchange.request, known: Fields.page.union(["type", "status", "account"]))
    let statuses = EventRecord.Status.allCases.map(\.rawValue)
    let filter = EventFilter(
      type: fields.optional("type", .identifier),
      status: fields.optional("status", .choice(statuses)).flatMap(EventRecord.Status.init),
      account: fields.optional("account", .account))
    let page = fields.page()
    try fields.check()
    return .json(.page(try await events.store.events(filter, page), JSON.outgoingEvent))
  }

  private static func get(_ exchange: Exchange, _ events: EventHook) async throws -> ControlResponse {
    guard let event = try await events.store.event(try exchange.identifier("id")) else {
      throw Problem.notFound("such event")
    }
    return .json(.outgoingEventWithDeliveries(event))
  }

  private static func replay(_ exchange: Exchange, _ events: EventHook) async throws -> ControlResponse {
    let id = try exchange.identifier("id")
    var fields = try Fields(body: exchange.request, known: ["target"])
    let target = fields.optional("target", .identifier)
    try fields.check()
    guard let event = try await events.store.event(id) else { throw Problem.notFound("such event") }
    let targets: [String]
    do throws(ReplayTargets.Refusal) {
      targets = try ReplayTargets.choose(target, of: events.targets, type: event.type)
    } catch {
      switch error {
      case .unknown: throw Problem.invalid("target", "\(error)")
      case .noneConfigured: throw Problem(.conflict, "No target takes this event: none is configured for it.")
      }
    }
    guard let sent = try await events.store.replayEvent(id, to: targets, actor: exchange.caller.actor) else {
      throw Problem.notFound("such event")
    }
    return .json(.outgoingEventWithDeliveries(sent))
  }
}

/// To whom a replay goes: only ever to targets of the config.
package enum ReplayTargets {
  /// Why it goes to nobody.
  package enum Refusal: Error, Equatable, CustomStringConvertible {
    /// With the names that there are.
    case unknown([String])
    case noneConfigured

    /// Half a sentence that begins with the target.
    package var description: String {
      switch self {
      case .unknown(let names):
        names.isEmpty
          ? "is no target: none is configured" : "is no target; there are: \(names.joined(separator: ", "))"
      case .noneConfigured: "is needed: no target of the config takes this type"
      }
    }
  }

  /// The one that is named, whatever types it takes otherwise, or all that take the type.
  package static func choose(
    _ name: String?, of targets: [EventTarget], type: String
  ) throws(Refusal) -> [String] {
    if let name {
      guard targets.contains(where: { $0.name == name }) else { throw .unknown(targets.map(\.name)) }
      return [name]
    }
    let taking = targets.filter { $0.takes(type) }.map(\.name)
    guard !taking.isEmpty else { throw .noneConfigured }
    return taking
  }
}
