import Testing

extension FullStack {
  @Suite struct ListenerTests {
    private static var shared: StackOptions {
      var options = StackOptions()
      options.changeConfig = { $0.replacing("server: {", with: "server: {reuse_port: true, ") }
      return options
    }

    /// A loop has its own socket on the gate's port, and so may another process.
    @Test(.stack(shared)) func aSharedPortTakesMoreSockets() async throws {
      let stack = Stack.here
      #expect(GateProcess.canBind(stack.gate.port, shared: true))
      #expect(!GateProcess.canBind(stack.gate.adminPort, shared: true))
      let user = try await stack.makeUser("shared", plan: "storm")
      for _ in 0..<20 { #expect(try await stack.check(user).status == 200) }
    }

    @Test(.ownStack) func aPortIsOneGatesUnlessItIsShared() async throws {
      #expect(!GateProcess.canBind(Stack.here.gate.port, shared: true))
    }
  }
}
