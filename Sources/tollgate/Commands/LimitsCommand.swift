import ArgumentParser
import Gate
import TollgateServer

struct LimitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits", abstract: "Shows a user's limits, and gives a user limits of their own.",
    subcommands: [Show.self, Set.self, Clear.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows the limits of the user's plan, and the user's own that take their place.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(transform: ArgumentText.identifier) var user: String

    func run() async throws {
      try output.show(try await common.administer(redis: false) { try await $0.limits(of: user) })
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Gives a user a limit of their own, in the place of the plan's.",
      discussion: "requests and tokens take --count and --window-s, the others --amount; any --unlimited.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var which: LimitOptions
    @Option(help: "So many per window.", transform: ArgumentText.windowCount) var count: Int64?
    @Option(help: "The window's seconds.", transform: ArgumentText.windowSeconds) var windowS: Int64?
    @Option(help: "What may come at once; default: as --count.", transform: ArgumentText.windowCount)
    var burst: Int64?
    @Option(help: "Holds open at once, or tokens.", transform: ArgumentText.amount) var amount: Int64?
    @Flag(help: "The limit doesn't bind this user.") var unlimited = false
    @Option(
      help: "When the plan's limit counts again: RFC 3339, or a span such as 30d.",
      transform: ArgumentText.expiry)
    var expires: Instant?
    @Option(help: "Why; the audit log keeps it.", transform: ArgumentText.reason) var reason: String?

    func validate() throws { _ = try value() }

    func run() async throws {
      let override = LimitOverride(
        feature: which.feature, limit: which.limit, value: try value(), expiresAt: expires)
      try output.show(
        try await common.administer { try await $0.setLimit(override, of: which.user, reason: reason) })
    }

    private func value() throws -> LimitOverride.Value {
      switch (count, windowS, burst, amount, unlimited) {
      case (nil, nil, nil, nil, true): return .unlimited
      case (nil, nil, nil, let amount?, false) where !which.limit.isWindow: return .amount(amount)
      case (let count?, let seconds?, let burst, nil, false) where which.limit.isWindow:
        return .window(WindowLimit(count: count, windowSeconds: seconds, burst: burst))
      default:
        let wanted = which.limit.isWindow ? "--count and --window-s" : "--amount"
        throw ValidationError("\(which.limit.rawValue) takes \(wanted), or --unlimited, and nothing else.")
      }
    }
  }

  struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Has the plan's limit count again.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var which: LimitOptions

    func run() async throws {
      try output.show(
        try await common.administer {
          try await $0.clearLimit(which.limit, feature: which.feature, of: which.user)
        })
    }
  }
}

/// Which limit of which user.
struct LimitOptions: ParsableArguments {
  @Argument(transform: ArgumentText.identifier) var user: String
  @Option(
    help: "requests, tokens, concurrent, hourly_tokens or daily_tokens.", transform: ArgumentText.limitName)
  var limit: LimitOverride.Limit
  @Option(help: "A feature's own limit; default: the plan's.", transform: ArgumentText.identifier)
  var feature: String?
}
