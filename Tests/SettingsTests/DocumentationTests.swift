import Foundation
import Gate
import Settings
import Testing

/// The demo config and `docs/CONFIG.md` say what the parser does, key by key.
@Suite struct DocumentationTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func file(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  @Test func `the demo config loads without a warning`() throws {
    let text = try Self.file("config/tollgate.yaml")
    let settings = try Settings.parse(yaml: text, file: "config/tollgate.yaml")
    #expect(settings.warnings.isEmpty)
    #expect(settings.catalog.plans.keys.sorted() == ["enterprise", "free", "pro"])
    #expect(settings.catalog.defaultPlan == "free")
  }

  @Test func `the demo config documents each key with kind and default`() throws {
    let comments = try Self.file("config/tollgate.yaml").split(separator: "\n")
      .compactMap { line in
        line.firstIndex(of: "#").map { String(line[$0...].drop { $0 == "#" || $0 == " " }) }
      }
      .joined(separator: " ")
    for (path, reference) in Schema.fileReferences {
      #expect(comments.contains(reference), "\(path) is not documented as: \(reference)")
    }
  }

  @Test func `the page about the settings has the schema's tables`() throws {
    let page = try Self.file("docs/CONFIG.md")
    #expect(page.contains(Schema.markdown), "docs/CONFIG.md needs these tables:\n\(Schema.markdown)")
  }
}
