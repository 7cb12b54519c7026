import AdminAPI
import Foundation
import Gate
import Testing

/// docs/openapi.json and docs/problems.md say what the code does, and nothing else.
@Suite struct ContractTests {
  /// The tests run from a package whose Tests may be a link: look from the real place of this file.
  private func document(_ name: String) throws -> [UInt8] {
    let here = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: root.appendingPathComponent("docs/\(name)")))
  }

  @Test func everyControlRouteIsDocumentedAndTheOtherWayRound() throws {
    let document = try JSON(parsing: try document("openapi.json"))
    guard case .object(let paths)? = document["paths"] else {
      Issue.record("no paths")
      return
    }
    var documented: Set<String> = []
    for path in paths {
      guard case .object(let operations) = path.value else { continue }
      for operation in operations where operation.value["x-tollgate-plane"] == "control" {
        documented.insert("\(operation.name.uppercased()) \(path.name)")
      }
    }
    let bench = Bench()
    let routes = bench.admin.routes + bench.gate.routes
    #expect(documented == Set(routes.map { "\($0.method) \($0.template)" }))
  }

  @Test func securityOfTheDocumentIsThatOfTheRoutes() throws {
    let document = try JSON(parsing: try document("openapi.json"))
    let bench = Bench()
    for route in bench.admin.routes + bench.gate.routes {
      let security = document["paths"]?[route.template]?[route.method.lowercased()]?["security"]
      let first: JSON =
        switch route.access {
        case .open: []
        case .adminRead, .adminWrite: [["adminKey": []]]
        case .service: [["serviceKey": []], ["serviceKey": [], "extensionToken": []]]
        case .user:
          [["extensionToken": []], ["serviceKey": []], ["serviceKey": [], "extensionToken": []]]
        }
      #expect(security == first, "\(route.method) \(route.template)")
    }
  }

  @Test func referencesOfTheDocumentLeadSomewhere() throws {
    let document = try JSON(parsing: try document("openapi.json"))
    var references: Set<String> = []
    func collect(_ value: JSON) {
      switch value {
      case .object(let members):
        for member in members {
          if member.name == "$ref", case .string(let target) = member.value { references.insert(target) }
          collect(member.value)
        }
      case .array(let values): values.forEach(collect)
      default: break
      }
    }
    collect(document)
    #expect(!references.isEmpty)
    for reference in references {
      let found = reference.dropFirst(2).split(separator: "/").reduce(Optional(document)) { $0?[String($1)] }
      #expect(found != nil, "\(reference)")
    }
  }

  @Test func everyProblemCodeHasItsPage() throws {
    let text = String(decoding: try document("problems.md"), as: UTF8.self)
    let sections = text.split(separator: "\n").filter { $0.hasPrefix("## ") }.map { $0.dropFirst(3) }
    #expect(Set(sections.map(String.init)) == Set(ProblemCode.allCases.map(\.rawValue)))
    for code in ProblemCode.allCases { #expect(text.contains("## \(code.rawValue)\n\n\(code.status). ")) }
    let document = try JSON(parsing: try document("openapi.json"))
    guard case .array(let codes)? = document["components"]?["schemas"]?["ProblemCode"]?["enum"] else {
      Issue.record("no codes")
      return
    }
    #expect(codes.count == ProblemCode.allCases.count)
    #expect(ProblemCode.allCases.allSatisfy { codes.contains(.string($0.rawValue)) })
  }
}
