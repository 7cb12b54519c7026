package import AsyncHTTPClient
internal import HTTPTypes
internal import Hummingbird
package import Logging
internal import NIOCore
package import ServiceLifecycle
import Synchronization

/// A sandbox behind a socket: the API, the pages, and deliveries to webhook endpoints. The shell of
/// ``StripeSandbox``, which decides everything.
package final class StripeFakeServer: Sendable {
  /// How the account's clock goes.
  package enum ClockMode: Sendable {
    /// With real time, from where it stands; advancing it adds to that.
    case ticking
    /// Only when it is advanced.
    case frozen
  }

  private struct State: Sendable {
    var sandbox: StripeSandbox
    /// Of the account's clock before real time, in seconds.
    var offset: Int64
    /// How often something was done to it.
    var changes = 0
  }

  private let state: Mutex<State>
  private let clock: ClockMode
  private let realNow: @Sendable () -> Int64
  let tokens = FormTokens()

  /// `realNow` is the wall clock in Unix seconds: what deliveries are signed with.
  package init(
    _ sandbox: StripeSandbox, clock: ClockMode = .ticking, realNow: @escaping @Sendable () -> Int64
  ) {
    state = Mutex(State(sandbox: sandbox, offset: sandbox.account.now - realNow()))
    self.clock = clock
    self.realNow = realNow
  }

  /// Does something to the sandbox, once its clock is where it belongs.
  package func with<Value: Sendable>(_ body: (inout StripeSandbox) -> Value) -> Value {
    let real = realNow()
    return state.withLock { state in
      if clock == .ticking { state.sandbox.account.advance(to: real + state.offset) }
      let value = body(&state.sandbox)
      state.offset = state.sandbox.account.now - real
      state.changes += 1
      return value
    }
  }

  /// What is to be posted now, signed.
  func takeDeliveries() -> [SignedDelivery] {
    let real = realNow()
    let deliveries = with { $0.takeDeliveries(realNow: real) }
    // Looking whether there is something changes nothing.
    if deliveries.isEmpty { state.withLock { $0.changes -= 1 } }
    return deliveries
  }

  /// What is to be remembered, and a number that is another once it has changed.
  func snapshot() -> (number: Int, of: SandboxSnapshot) {
    state.withLock { ($0.changes, SandboxSnapshot($0.sandbox)) }
  }

  var changes: Int { state.withLock { $0.changes } }

  /// The services that make up the server, in the order in which they start; `running` is told the port. The
  /// account's pages get their address from it. With `stateFile` what happened is kept there.
  package func services(
    host: String, port: Int, client: HTTPClient, logger: Logger, stateFile: String? = nil,
    running: @escaping @Sendable (Int) async -> Void
  ) -> [any Service] {
    let application = Application(
      responder: FakeResponder(server: self),
      configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? port
        self.with { $0.account.settings.pageBase = "http://\(host):\(port)" }
        await running(port)
      }, logger: logger)
    let keeper: [any Service] = stateFile.map { [StateKeeper(server: self, path: $0)] } ?? []
    return keeper + [WebhookCourier(server: self, client: client), application]
  }
}
