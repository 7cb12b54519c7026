internal import Gate
internal import NIOCore

/// What stands before an account's id in the keys of a check, ready to be copied: the names themselves are
/// ``Keyspace``'s, whose ids come last.
final class KeyPrefixes: Sendable {
  let user: [UInt8]
  let readableRest: [UInt8]
  let tenant: [UInt8]
  let poolHolds: [UInt8]
  /// The whole name, as a bulk string.
  let stream: [UInt8]

  init(_ keyspace: Keyspace, bucket: Int) {
    let (nobody, nothing) = (AccountID.user(""), AccountID.tenant(""))
    user = Array(keyspace.account(nobody, bucket: bucket).utf8)
    readableRest = Array(keyspace.readableRest(user: "", bucket: bucket).utf8)
    tenant = Array(keyspace.account(nothing, bucket: bucket).utf8)
    poolHolds = Array(keyspace.poolHolds("", bucket: bucket).utf8)
    var whole = ByteBuffer()
    whole.writeBulk(keyspace.stream(bucket: bucket))
    stream = Array(whole.readableBytesView)
  }
}
