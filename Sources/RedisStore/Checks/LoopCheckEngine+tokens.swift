package import Gate
internal import NIOCore

/// Redis' token cache: what saves a gate that has not seen a token yet the way to Postgres. It is a hint; the
/// version in the account decides.
extension LoopCheckEngine {
  private static let keptSeconds: Int64 = 86_400

  package func cachedPrincipal(_ hash: TokenHash, completion: @escaping (Principal?) -> Void) {
    let tag = pending.insert(.principal(completion))
    connection.send(tag: tag, to: self, deadline: .now() + .milliseconds(100)) { out in
      out.writeCommandHeader(argumentCount: 2)
      out.writeBulk("GET" as StaticString)
      out.writeBulk(keyspace.token(hash))
    }
  }

  package func remember(_ principal: Principal, for hash: TokenHash) {
    connection.send(tag: pending.insert(.nothing), to: self, deadline: .now() + .milliseconds(100)) { out in
      out.writeCommandHeader(argumentCount: 5)
      out.writeBulk("SET" as StaticString)
      out.writeBulk(keyspace.token(hash))
      out.writeBulk(PrincipalEncoding.encode(principal))
      out.writeBulk("EX" as StaticString)
      out.writeBulk(integer: LoopCheckEngine.keptSeconds)
    }
  }

  package func forget(_ hash: TokenHash) {
    connection.send(tag: pending.insert(.nothing), to: self, deadline: .now() + .milliseconds(100)) { out in
      out.writeCommandHeader(argumentCount: 2)
      out.writeBulk("DEL" as StaticString)
      out.writeBulk(keyspace.token(hash))
    }
  }
}
