internal import Gate

/// The ledger as RFC 4180 text, for spreadsheets and warehouses. Values are exact: nothing is put before
/// a leading `=` or `-`, because the books have to read back as they are.
enum CSV {
  static let header = Array(
    "operation,at,user,tenant,feature,tokens,kind,outcome,reservation,metadata,occurred_at\r\n".utf8)

  static func lines(_ lines: [LedgerLine]) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in lines {
      let values = [
        line.operation, line.at.rfc3339, line.user, line.tenant ?? "", line.feature, String(line.tokens),
        line.kind, line.outcome ?? "", line.reservation ?? "", line.metadata ?? "",
        line.occurredAt?.rfc3339 ?? "",
      ]
      for (index, value) in values.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        write(value, to: &bytes)
      }
      bytes.append(contentsOf: "\r\n".utf8)
    }
    return bytes
  }

  private static func write(_ value: String, to bytes: inout [UInt8]) {
    let needsQuotes = value.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
    }
    guard needsQuotes else {
      bytes.append(contentsOf: value.utf8)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
