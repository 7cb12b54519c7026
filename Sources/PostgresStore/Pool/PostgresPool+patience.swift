import Gate
import Logging

extension PostgresPool {
  /// A connection of its own, for what may take longer than any statement of the gate, and waits for others:
  /// migrations, and archiving a month. Closed when the body is done.
  static func patiently<T: Sendable>(
    _ configuration: PostgresConfiguration, _ logger: Logger,
    _ body: (PostgresPool) async throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    var patient = configuration
    patient.connections = 1
    patient.statementTimeoutMilliseconds = 1_800_000
    patient.queueTimeoutMilliseconds = 30_000
    let pool = PostgresPool(configuration: patient, logger: logger)
    let result: T
    do {
      result = try await body(pool)
    } catch {
      await pool.close()
      throw error
    }
    await pool.close()
    return result
  }
}
