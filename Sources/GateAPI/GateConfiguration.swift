package import Gate

/// How the data plane behaves; the same for every loop of a gate.
package struct GateConfiguration: Sendable {
  package var catalog: Catalog
  /// What `type` URIs of problems begin with.
  package var docsBase: String
  /// What one question to the counters may take, milliseconds.
  package var deadlineMilliseconds: Int64
  /// What an answer may take that needs an account or a principal from Postgres first, milliseconds. Paths of
  /// `/authz` have ``deadlineMilliseconds`` for everything.
  package var loadMilliseconds: Int64
  package var bodyBytesMax: Int
  package var webhookBodyBytesMax: Int
  /// Requests under way per loop; past it 503 at once.
  package var inFlightMax: Int
  package var principalsMax: Int
  package var accelLocation: String
  /// Hash of the bootstrap service key, valid without being stored.
  package var bootstrapServiceKey: TokenHash?
  /// How long a stored service key counts without being looked up again, milliseconds.
  package var keyMilliseconds: Int64

  package init(catalog: Catalog, docsBase: String = ProblemCode.docsBaseDefault) {
    self.catalog = catalog
    self.docsBase = docsBase
    deadlineMilliseconds = 150
    loadMilliseconds = 2_000
    bodyBytesMax = 65_536
    webhookBodyBytesMax = 1 << 20
    inFlightMax = 10_000
    principalsMax = 100_000
    accelLocation = "@backend"
    keyMilliseconds = 1_000
  }
}
