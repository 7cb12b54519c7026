internal import ServiceLifecycle

/// First to start and last to stop: closes the stores when nothing needs them any more.
struct BackendCloser: Service {
  let backend: Backend
  let budgets: LiveBudgets

  func run() async throws {
    try? await gracefulShutdown()
    await budgets.close()
    await backend.close()
  }
}
