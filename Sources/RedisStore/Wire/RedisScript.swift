/// A Lua script, with the name that Redis gives it.
package struct RedisScript: Sendable {
  /// For logs and metrics; Redis doesn't see it.
  package let name: String
  /// The text, `#!lua` line and all.
  package let source: [UInt8]
  /// SHA-1 of `source` in lower-case hex, 40 bytes, as EVALSHA wants it.
  package let sha1: [UInt8]

  /// `source` is what SCRIPT LOAD would be given, to the byte.
  package init(name: String, source: [UInt8]) {
    self.name = name
    self.source = source
    self.sha1 = SHA1.hex(source)
  }
}
