package import AdminAPI
internal import Gate
internal import Signatures

/// Style, script and icon. Their names have a hash of their content, so browsers may keep them for ever.
package enum AssetFiles {
  struct Asset: Sendable {
    let path: String
    let type: String
    let tag: String
    let bytes: [UInt8]

    init(_ file: String, type: String) {
      bytes = PageFile.bytes(file)
      let hash = Hex.encode(SHA256.hash(bytes)).prefix(16)
      let parts = file.split(separator: ".")
      path = "/assets/\(parts[0]).\(hash).\(parts[1])"
      tag = "\"\(hash)\""
      self.type = type
    }
  }

  static let style = Asset("style.css", type: "text/css; charset=utf-8")
  static let script = Asset("script.js", type: "text/javascript; charset=utf-8")
  static let icon = Asset("icon.svg", type: "image/svg+xml")

  static let all = [PageRoute("GET", "/assets/{file}", .anyone, countsAsUse: false, handle: get)]

  private static func get(_ visit: Visit) async throws -> ControlResponse {
    try answer(visit.request)
  }

  /// The file that a path names; the gate's listener serves it for its one page, too.
  package static func answer(_ request: ControlRequest) throws(Problem) -> ControlResponse {
    guard let asset = [style, script, icon].first(where: { $0.path == request.path }) else {
      throw Problem(.notFound, "There is no such file.")
    }
    let headers = [
      (name: "Content-Type", value: asset.type), (name: "ETag", value: asset.tag),
      (name: "Cache-Control", value: "public, max-age=31536000, immutable"),
    ]
    let known = request.values(of: "If-None-Match").contains { $0.contains(asset.tag) }
    return ControlResponse(
      status: known ? 304 : 200, headers: headers, body: .bytes(known ? [] : asset.bytes))
  }
}
