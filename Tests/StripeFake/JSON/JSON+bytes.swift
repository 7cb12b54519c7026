extension JSON {
  /// The document in UTF-8, indented by two spaces as Stripe sends it: what is signed is these bytes.
  package var bytes: [UInt8] {
    var out: [UInt8] = []
    write(into: &out, depth: 0)
    return out
  }

  private func write(into out: inout [UInt8], depth: Int) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let number): out += String(number).utf8
    case .string(let text): JSON.write(text, into: &out)
    case .array(let items):
      JSON.write(items, "[", "]", into: &out, depth: depth) { item, out in
        item.write(into: &out, depth: depth + 1)
      }
    case .object(let members):
      JSON.write(members, "{", "}", into: &out, depth: depth) { member, out in
        JSON.write(member.name, into: &out)
        out += ": ".utf8
        member.value.write(into: &out, depth: depth + 1)
      }
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, into out: inout [UInt8], depth: Int,
    _ each: (Item, inout [UInt8]) -> Void
  ) {
    out += open.utf8
    for (index, item) in items.enumerated() {
      out += (index == 0 ? "\n" : ",\n").utf8
      out += repeatElement(UInt8(ascii: " "), count: 2 * (depth + 1))
      each(item, &out)
    }
    if !items.isEmpty {
      out.append(UInt8(ascii: "\n"))
      out += repeatElement(UInt8(ascii: " "), count: 2 * depth)
    }
    out += close.utf8
  }

  private static func write(_ text: String, into out: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): out += #"\""#.utf8
      case UInt8(ascii: "\\"): out += #"\\"#.utf8
      case UInt8(ascii: "\n"): out += #"\n"#.utf8
      case 0..<0x20: out += Array(#"\u00"#.utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
