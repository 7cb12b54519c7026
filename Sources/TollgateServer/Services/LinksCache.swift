internal import Billing
internal import Gate
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The billing links as a denial shows them: the stored ones over the config file's, read every few seconds, for
/// a denial must not wait for Postgres.
final class LinksCache: Service {
  private let accounts: any AccountStore
  private let catalog: Catalog
  private let links: Mutex<BillingLinks>
  private let logger: Logger
  private static let every = Duration.seconds(2)

  init(accounts: any AccountStore, catalog: Catalog, logger: Logger) {
    self.accounts = accounts
    self.catalog = catalog
    self.logger = logger
    links = Mutex(catalog.links)
  }

  var current: BillingLinks { links.withLock { $0 } }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.refresh()
        try? await Task.sleep(for: LinksCache.every)
      }
    }
  }

  private func refresh() async {
    do throws(StoreError) {
      let merged = BillingLinks.effective(stored: try await accounts.billingLinks(), catalog: catalog)
      links.withLock { $0 = merged }
    } catch {
      logger.debug("billing links not read", metadata: ["error": "\(error)"])
    }
  }
}
