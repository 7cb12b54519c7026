internal import Foundation

/// A small text file, read whole.
enum TextFile {
  enum Outcome {
    case text(String)
    /// Why not, as the end of a sentence that begins with the file.
    case refused(String)
  }

  static func read(_ path: String, bytesMax: Int) -> Outcome {
    guard FileManager.default.fileExists(atPath: path) else {
      let from = FileManager.default.currentDirectoryPath
      return .refused(path.hasPrefix("/") ? "does not exist" : "does not exist (looked for from \(from))")
    }
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: bytesMax + 1) ?? Data()
    else { return .refused("cannot be read: a file that this user may read is needed") }
    defer { try? handle.close() }
    guard data.count <= bytesMax else { return .refused("is larger than \(bytesMax) bytes") }
    guard let text = String(validating: data, as: UTF8.self) else { return .refused("is not UTF-8") }
    return .text(text)
  }
}
