/// Parameters in the form encoding that Stripe reads: `metadata[user_id]=u_42`.
struct StripeForm: Equatable {
  private(set) var fields: [(name: String, value: String)] = []

  /// A value of nil is left out.
  mutating func set(_ name: String, _ value: String?) {
    if let value { fields.append((name, value)) }
  }

  /// `name[key]=value` for each pair, in the order of the keys.
  mutating func set(_ name: String, _ values: [String: String]) {
    for key in values.keys.sorted() { set("\(name)[\(key)]", values[key]) }
  }

  var encoded: String {
    fields.map { "\(StripeForm.escape($0.name, keep: "[]"))=\(StripeForm.escape($0.value))" }
      .joined(separator: "&")
  }

  /// Percent-encodes all but RFC 3986's unreserved characters.
  static func escape(_ text: String, keep: String = "") -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      case _ where keep.utf8.contains(byte): bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func == (left: StripeForm, right: StripeForm) -> Bool {
    left.fields.elementsEqual(right.fields) { $0 == $1 }
  }
}
