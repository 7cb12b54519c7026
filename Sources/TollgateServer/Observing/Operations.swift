internal import AdminAPI
internal import Gate
internal import PostgresStore
internal import ServiceLifecycle
internal import Settings

/// What operators look at, put together: reconciliation, statistics, the list of budgets. `name` is this gate's.
struct Operations {
  let reconciliation: ReconcileService
  private let recorder: DecisionRecorder
  private let statistics: Statistics
  private let summary: BudgetSummary

  init(_ backend: Backend, gate: GateServer, flusher: Flusher, loader: any AccountLoading, name: String) {
    let (store, settings, logger) = (backend.store, backend.settings, backend.logger)
    reconciliation = ReconcileService(
      reconciler: backend.reconciler(loader: loader), store: store, settings: settings.server.reconcile,
      holder: name, logger: logger)
    recorder = DecisionRecorder(gate: gate, store: store, name: name, logger: logger)
    statistics = Statistics(
      recorder: recorder, flusher: flusher, store: store, topUsers: TopUsers(store: store, logger: logger))
    summary = BudgetSummary(store: store, catalog: settings.catalog, holder: name, logger: logger)
  }

  var services: [any Service] { [reconciliation, recorder, summary] }

  /// Gives the routes what they stand on.
  func lend(to hooks: inout ControlHooks) {
    let (reconciliation, statistics, summary) = (reconciliation, statistics, summary)
    hooks.reconcile = { request, actor in try await reconciliation.answer(request, actor: actor) }
    hooks.stats = { window in try await statistics.answer(windowSeconds: window) }
    hooks.budgets = { query, page in try await summary.page(query, page) }
  }
}
