import ArgumentParser
import Foundation
import Gate
import Synchronization
import TollgateServer

struct StripeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stripe", abstract: "Compares what is stored with Stripe.", subcommands: [Sync.self])

  struct Sync: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Takes in what Stripe has and the webhooks did not tell.",
      discussion: """
        Looks at all subscriptions, at invoices that were paid since the last run, and at events that could not \
        be delivered. Stopped at any moment, it goes on from there the next time. The gates do the same by \
        themselves (stripe.sync_hours).
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Looks at every paid invoice there is.") var full = false
    @Option(
      help: "Looks at invoices made since then: RFC 3339, or a span such as 12h or 30d.",
      transform: ArgumentText.past)
    var since: Instant?

    func validate() throws {
      if full, since != nil { throw ValidationError("--full contradicts --since.") }
    }

    func run() async throws {
      let scope: SyncScope = full ? .everything : since.map { .since($0) } ?? .sinceLastRun
      let bar = ProgressBar()
      defer { bar.clear() }
      let answer = try await common.administer { try await $0.syncStripe(scope) { bar.show($0) } }
      bar.clear()
      try output.show(answer)
    }
  }
}

/// One line on standard error that is written over; nothing where that is no terminal.
final class ProgressBar: Sendable {
  private static let cells: Int64 = 24
  private let isShown = isatty(STDERR_FILENO) == 1
  private let hasLine = Mutex(false)

  func show(_ progress: SyncProgress) {
    guard isShown, let stage = progress.stage else { return }
    var line = ""
    if let expected = progress.expected, expected > 0 {
      let filled = Int(min(ProgressBar.cells, progress.seen * ProgressBar.cells / expected))
      let empty = Int(ProgressBar.cells) - filled
      line = "[\(String(repeating: "#", count: filled))\(String(repeating: "-", count: empty))] "
    }
    line += "\(stage) \(progress.seen)"
    if let expected = progress.expected, expected > progress.seen { line += " of about \(expected)" }
    write("\r\u{1B}[K\(line)")
    hasLine.withLock { $0 = true }
  }

  func clear() {
    let had = hasLine.withLock { had in
      defer { had = false }
      return had
    }
    if had { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
