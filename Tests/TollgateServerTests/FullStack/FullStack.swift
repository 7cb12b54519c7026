import Testing

/// The whole server over loopback: the built `tollgate` binary, a real Redis and a real Postgres, and HTTP as
/// bytes on a socket. Each suite has a stack of its own (``StackTrait``); they run one after the other, for
/// they measure times and share two cores.
@Suite(.serialized) enum FullStack {}

/// Runs a suite within a stack of its own, and looks at the server's log when it is through.
struct StackTrait: SuiteTrait, TestTrait, TestScoping {
  var options = StackOptions()

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let stack = try await Stack.start(options)
    try await Stack.$current.withValue(stack) { try await function() }
    try await stack.close()
  }
}

extension Trait where Self == StackTrait {
  /// For single tests.
  static var ownStack: StackTrait { StackTrait() }

  static var stack: StackTrait { StackTrait() }
  static func stack(_ options: StackOptions) -> StackTrait { StackTrait(options: options) }
}

/// Asks again and again until `condition` holds; an issue when it doesn't within the time. Returns how long
/// it took.
@discardableResult
func eventually(
  within limit: Duration, _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws -> Duration {
  let clock = ContinuousClock()
  let start = clock.now
  while true {
    if try await condition() { return clock.now - start }
    guard clock.now - start < limit else {
      Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
      return clock.now - start
    }
    // The pace of asking, not a wait for something to have happened.
    try await Task.sleep(for: .milliseconds(5))
  }
}
