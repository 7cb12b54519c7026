/// A library of Redis Functions. Its name is a hash of its text, and so are those of its functions, which all
/// libraries of a Redis share: gates of different releases find their own beside each other's, and a name never
/// stands for another text.
package struct FunctionLibrary: Sendable {
  /// The first 16 hex digits of the text's SHA-1.
  package let release: String
  /// `tollgate_<release>`.
  package let name: String
  /// What FUNCTION LOAD is given, to the byte.
  package let source: [UInt8]

  /// `text` is Lua, without the `#!lua` line. It finds its release in the local `RELEASE`, and ends the names of the
  /// functions that it registers in `_<RELEASE>`.
  package init(text: [UInt8]) {
    release = String(decoding: SHA1.hex(text).prefix(16), as: UTF8.self)
    name = "tollgate_\(release)"
    source = Array("#!lua name=\(name)\nlocal RELEASE = '\(release)'\n".utf8) + text
  }

  /// The function that the text registers as `name`.
  package func function(_ name: String) -> RedisFunction {
    RedisFunction(name: name, wireName: Array("\(name)_\(release)".utf8), library: self)
  }

  /// FUNCTION LOAD, without REPLACE: what is there under this name is this.
  var loadCommand: [RedisArgument] { ["FUNCTION", "LOAD", .bytes(source)] }

  /// Why Redis doesn't have the library after it answered ``loadCommand`` so; nil when it does.
  func refusal(in reply: RedisValue) -> RedisErrorReply? {
    guard case .error(let error) = reply, error.message != "ERR Library '\(name)' already exists" else {
      return nil
    }
    return error
  }
}
