import Gate

extension PostgresPool {
  /// The first rows of a list that match a pattern, at most as many as the page reads.
  ///
  /// What much matches is soon found by walking the list; what little matches, by the search's indexes. Which of them
  /// it is Postgres can't know ahead: matches may all lie at the list's end, and a walk that hopes for the next one
  /// reads a million rows. So the walk is bounded, and where it was not enough the indexes are asked for all that match.
  ///
  /// - Parameters:
  ///   - walking: The list without the search; its limit is the parameter behind `parameters`.
  ///   - rowsMax: Rows of it that are looked through before the indexes are asked.
  ///   - columns: What is given of its rows, by the name `alias`.
  ///   - matching: A condition on its rows; the pattern is the parameter after the limit.
  ///   - key: The list's order, by the names of its columns.
  ///   - finding: The whole list with the search, its parameters the same.
  func search(
    walking: String, upTo rowsMax: Int64, choosing columns: String, as alias: String, matching: String,
    key: String, finding: String, _ parameters: [PostgresValue], _ pattern: String, _ page: PageRequest
  ) async throws(StoreError) -> PostgresRows {
    let near = try await list(
      """
      WITH walked AS MATERIALIZED (\(walking))
      SELECT (SELECT count(*) FROM walked) AS rows_walked, near.*
      FROM (VALUES (1)) AS one LEFT JOIN (SELECT \(columns) FROM walked AS \(alias) WHERE \(matching)) AS near ON true
      ORDER BY \(key) LIMIT $\(parameters.count + 3)
      """, parameters + [.int(rowsMax), .text(pattern), page.rowsToRead])
    let isEnd = near.int(0, "rows_walked") ?? 0 < rowsMax
    guard isEnd || near.count > page.boundedLimit else {
      return try await list(finding, parameters + [page.rowsToRead, .text(pattern)])
    }
    // Without a match there is a row all the same, to tell how far the walk came.
    return near.count == 1 && near.string(0, "id") == nil ? .none : near
  }
}
