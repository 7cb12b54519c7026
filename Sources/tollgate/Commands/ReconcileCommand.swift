import ArgumentParser
import Foundation
import Gate
import TollgateServer

struct ReconcileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile",
    abstract: "Compares Redis with the books and the ledger, and makes right what differs.",
    discussion: """
      It may run at any time, whatever is spent meanwhile. Without --mend it only tells. It ends with 0 when nothing \
      differs any more, else with 1.
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "One user's own budget.", transform: ArgumentText.identifier) var user: String?
  @Option(help: "One tenant's pool.", transform: ArgumentText.identifier) var tenant: String?
  @Flag(help: "All users and tenants.") var all = false
  @Flag(help: "Makes right what differs: derived rows from the entries, Redis from the books.")
  var mend = false
  @Option(help: "With --all: goes on after user:<id> or tenant:<id>.", transform: ArgumentText.account)
  var after: AccountID?
  @Option(help: "With --all: accounts a second at most.", transform: ArgumentText.pace) var pace: Int?

  func validate() throws {
    guard [user != nil, tenant != nil, all].count(where: { $0 }) == 1 else {
      throw ValidationError("Give one of --user, --tenant and --all.")
    }
    guard all || (after == nil && pace == nil) else {
      throw ValidationError("--after and --pace go with --all.")
    }
  }

  func run() async throws {
    if let account = user.map(AccountID.user) ?? tenant.map(AccountID.tenant) {
      return try output.show(try await common.administer { try await $0.reconcile(account, mends: mend) })
    }
    try await output.showLongWork { progress in
      try await common.administer {
        try await $0.reconcileAll(after: after, mends: mend, perSecond: pace, progress: progress)
      }
    }
  }
}
