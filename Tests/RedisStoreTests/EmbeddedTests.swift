import Foundation
import Gate
import TestServers
import Testing

@testable import RedisStore

/// The binary carries lua/, to the byte, and Redis takes it.
@Suite(.timeLimit(.minutes(1))) struct EmbeddedTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "lua")

  @Test func everyFileIsThere() throws {
    let embedded = Scripts.files()
    let names = try FileManager.default.contentsOfDirectory(atPath: EmbeddedTests.folder.path)
      .filter { $0.hasSuffix(".lua") }
    #expect(Set(names) == Set(embedded.keys))
    for name in names {
      let bytes = try Data(contentsOf: EmbeddedTests.folder.appending(path: name))
      #expect(embedded[name] == Array(bytes), "\(name) was not rebuilt")
    }
  }

  @Test func everyScriptCompiles() async throws {
    let server = try await RedisServer.start()
    let bed = try await RedisBed(server.url)
    let scripts = Scripts.embedded
    #expect(scripts.all.count == Scripts.files().count - 2, "but for what they share")
    #expect(try await bed.run(scripts.library.loadCommand).string == scripts.library.name)
    // Twice is no error; and each file registers the function that it is named after.
    try await bed.load(scripts.library)
    let list = try await bed.command("FUNCTION", "LIST").array ?? []
    #expect(list.count == 1)
    let functions = list.first?.array?.last?.array ?? []
    let names = functions.compactMap { $0.array?[1].string }
    #expect(Set(names) == Set(scripts.all.map { String(decoding: $0.wireName, as: UTF8.self) }))
    #expect(names.allSatisfy { $0.hasSuffix("_\(scripts.library.release)") })
    try await bed.close()
    try await server.kill9()
  }

  @Test func aFullRedisStillTakesBackAndRecords() async throws {
    let bench = try await ScriptBench()
    try await bench.putAll()
    let hold = bench.request(ScriptBench.plan(), tokens: 10, mode: .reserve)
    #expect(try await bench.ask(hold).letter == "A")
    try await bench.setClock()
    try await bench.bed.command("CONFIG", "SET", "maxmemory", 1)
    let spend = bench.calls.request(bench.request(ScriptBench.plan()), operation: "o")
    guard case .error(let error) = try await bench.bed.run(spend) else {
      Issue.record("a spend went through")
      return
    }
    #expect(error.code == "OOM")
    var usage = bench.request(ScriptBench.plan())
    usage.afterTheFact = true
    #expect(
      try await bench.bed.run(bench.calls.request(usage, operation: "p")).bytes.first == UInt8(ascii: "A"))
    let settle = bench.calls.settle(try #require(hold.hold), tokens: 3, epoch: 1, deadline: bench.now + 100)
    #expect(try await bench.bed.run(settle).bytes.first == UInt8(ascii: "A"))
    try await bench.bed.command("CONFIG", "SET", "maxmemory", 0)
    try await bench.close()
  }
}
