package import Gate

/// Makes rights older than an announced version stale at once, ahead of the change itself: without waiting, from
/// whatever thread heard of it.
package struct VersionFence: Sendable {
  private let client: RedisClient
  private let keyspace: Keyspace

  package init(client: RedisClient, keyspace: Keyspace) {
    self.client = client
    self.keyspace = keyspace
  }

  /// With several buckets a user's is not known from the name alone; there the change itself follows soon.
  package func raise(_ announcement: Announcement) {
    guard keyspace.buckets == 1 else { return }
    let account = announcement.account
    client.fire(
      Scripts.embedded.fence,
      keys: [.text(keyspace.account(account, bucket: 0)), .text(keyspace.lease(account, bucket: 0))],
      arguments: [.integer(announcement.version)])
  }
}
