internal import ServiceLifecycle

/// First to start and last to stop: closes the stores when nothing needs them any more.
struct BackendCloser: Service {
  let backend: Backend

  func run() async throws {
    try? await gracefulShutdown()
    await backend.close()
  }
}
