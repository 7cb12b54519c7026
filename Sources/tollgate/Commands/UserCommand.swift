import ArgumentParser
import Gate
import TollgateServer

struct UserCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user", abstract: "Makes, changes and shows users.",
    subcommands: [Put.self, Show.self, List.self])

  struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a user, or changes what is given and leaves the rest.")

    /// What may be set to nothing.
    enum Field: String, ExpressibleByArgument, CaseIterable {
      case email, plan, tenant
      case stripeCustomer = "stripe-customer"
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(transform: ArgumentText.identifier) var id: String
    @Option(transform: ArgumentText.email) var email: String?
    @Option(help: "A plan of the config file.", transform: ArgumentText.identifier) var plan: String?
    @Option(help: "The tenant that the user belongs to.", transform: ArgumentText.identifier)
    var tenant: String?
    @Option(help: "Stripe's customer id, cus_….", transform: ArgumentText.identifier)
    var stripeCustomer: String?
    @Option(help: "Sets a field to nothing; may be given several times.") var clear: [Field] = []

    func validate() throws {
      for field in clear where given(field) != nil {
        throw ValidationError("--clear \(field.rawValue) contradicts --\(field.rawValue).")
      }
    }

    func run() async throws {
      var change = UserChange()
      change.email = self.change(.email)
      change.plan = self.change(.plan)
      change.tenant = self.change(.tenant)
      change.stripeCustomerID = self.change(.stripeCustomer)
      try output.show(try await common.administer { try await $0.putUser(id, change) })
    }

    private func given(_ field: Field) -> String? {
      switch field {
      case .email: email
      case .plan: plan
      case .tenant: tenant
      case .stripeCustomer: stripeCustomer
      }
    }

    private func change(_ field: Field) -> Change<String> {
      if clear.contains(field) { return .set(nil) }
      return given(field).map { .set($0) } ?? .keep
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows a user.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @Argument(transform: ArgumentText.identifier) var id: String

    func run() async throws {
      try output.show(try await common.administer(redis: false) { try await $0.user(id) })
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists users, in the order of their ids.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var page: PageOptions
    @Option(help: "Part of the id or email.", transform: ArgumentText.query) var query: String?
    @Option(help: "Only users with this plan.", transform: ArgumentText.identifier) var plan: String?
    @Option(help: "Only users whose subscription has this status.", transform: ArgumentText.identifier)
    var status: String?

    func run() async throws {
      let filter = UserFilter(query: query, plan: plan, status: status)
      try output.show(try await common.administer(redis: false) { try await $0.users(filter, page.request) })
    }
  }
}
