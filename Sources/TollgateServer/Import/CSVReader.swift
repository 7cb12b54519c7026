/// RFC 4180, read piece by piece: records of fields, quoted or not, with line ends of either kind. Lines without
/// anything on them are left out.
struct CSVReader {
  struct Record: Equatable {
    /// Where it begins, from 1.
    var line: Int64
    var fields: [String]
  }

  /// What can't be read as a table, and from where on.
  struct Mistake: Error, Equatable {
    var line: Int64
    var message: String
  }

  private enum State { case fieldStart, plain, quoted, quoteInQuoted }
  /// No field of an import needs more; a quote that is never closed is told early.
  static let fieldBytesMax = 4_096
  static let fieldsMax = 64

  private var state = State.fieldStart
  private var line: Int64 = 1
  private var recordLine: Int64 = 1
  private var field: [UInt8] = []
  private var fields: [String] = []
  private var isAtStart = true
  /// A carriage return that may belong to a line end.
  private var hasReturn = false

  /// Takes the next bytes; the records that they complete.
  mutating func feed(_ bytes: some Sequence<UInt8>) throws(Mistake) -> [Record] {
    var records: [Record] = []
    for byte in bytes {
      if let record = try take(byte) { records.append(record) }
    }
    return records
  }

  /// The last record, where the text doesn't end with a line end.
  mutating func finish() throws(Mistake) -> Record? {
    guard state != .quoted else {
      throw Mistake(line: recordLine, message: "has a quote that is never closed")
    }
    if hasReturn { throw strayReturn }
    return try endRecord()
  }

  private mutating func take(_ byte: UInt8) throws(Mistake) -> Record? {
    if state == .quoted {
      if byte == UInt8(ascii: "\"") { state = .quoteInQuoted } else { try append(byte) }
      if byte == 0x0A { line += 1 }
      return nil
    }
    if hasReturn, byte != 0x0A { throw strayReturn }
    switch byte {
    case 0x0D: hasReturn = true
    case 0x0A:
      hasReturn = false
      let record = try endRecord()
      line += 1
      recordLine = line
      return record
    case UInt8(ascii: ","): try endField()
    case UInt8(ascii: "\""):
      switch state {
      case .fieldStart: state = .quoted
      case .quoteInQuoted:
        try append(byte)
        state = .quoted
      case .plain, .quoted:
        throw Mistake(line: line, message: "has a quote in a field that doesn't begin with one")
      }
    default:
      guard state != .quoteInQuoted else {
        throw Mistake(line: line, message: "goes on behind a closing quote")
      }
      state = .plain
      try append(byte)
    }
    return nil
  }

  private var strayReturn: Mistake { Mistake(line: line, message: "has a carriage return in it") }

  private mutating func append(_ byte: UInt8) throws(Mistake) {
    guard field.count < CSVReader.fieldBytesMax else {
      throw Mistake(line: recordLine, message: "has a field of more than \(CSVReader.fieldBytesMax) bytes")
    }
    field.append(byte)
  }

  private mutating func endField() throws(Mistake) {
    // What spreadsheets put before UTF-8.
    if isAtStart, field.starts(with: [0xEF, 0xBB, 0xBF]) { field.removeFirst(3) }
    isAtStart = false
    guard let text = String(validating: field, as: UTF8.self) else {
      throw Mistake(line: recordLine, message: "is not UTF-8")
    }
    guard fields.count < CSVReader.fieldsMax else {
      throw Mistake(line: recordLine, message: "has more than \(CSVReader.fieldsMax) fields")
    }
    fields.append(text)
    field.removeAll(keepingCapacity: true)
    state = .fieldStart
  }

  private mutating func endRecord() throws(Mistake) -> Record? {
    if state == .fieldStart, fields.isEmpty { return nil }
    try endField()
    defer { fields.removeAll(keepingCapacity: true) }
    return Record(line: recordLine, fields: fields)
  }
}
