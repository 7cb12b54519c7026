internal import CEmbedded
internal import Mustache

/// The files of Pages/, which travel in the binary.
package enum PageFile {
  /// Name and bytes of each.
  package static let all: [(name: String, bytes: [UInt8])] = (0..<tollgate_page_file_count).map { index in
    let file = unsafe tollgate_page_file(index)
    let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    return (unsafe String(cString: file.name), bytes)
  }

  static func bytes(_ name: String) -> [UInt8] {
    guard let file = all.first(where: { $0.name == name }) else {
      preconditionFailure("there is no page file \(name)")
    }
    return file.bytes
  }
}

/// The templates among them, parsed once.
package enum Templates {
  private static let library: MustacheLibrary = {
    do { return try parse() } catch { preconditionFailure("a template can't be parsed: \(error)") }
  }()

  /// Throws what is wrong with a template; a test calls it, so that no binary is made with one.
  package static func check() throws { _ = try parse() }

  private static func parse() throws -> MustacheLibrary {
    var library = MustacheLibrary()
    for file in PageFile.all where file.name.hasSuffix(".mustache") {
      try library.register(String(decoding: file.bytes, as: UTF8.self), named: String(file.name.dropLast(9)))
    }
    return library
  }

  /// The template's text with everything escaped that isn't asked for with three braces.
  static func render(_ name: String, _ view: View) -> String {
    guard let text = library.render(view.rendered, withTemplate: name) else {
      preconditionFailure("there is no template \(name)")
    }
    return text
  }
}
