internal import CHiredis
internal import NIOCore

/// hiredis' `redisReader` with reply functions of our own, so that it parses a hostile wire and mallocs
/// no reply objects. Safe to use: its pointers never leave it, and go with it.
@safe final class RedisReplyReader {
  enum Outcome {
    /// ``reply`` is whole, and stays so until the next call of the reader.
    case reply
    case needsMore
    /// What came isn't RESP2, or is past a limit. The reader can't go on.
    case malformed(String)
  }

  private let reader: UnsafeMutablePointer<redisReader>
  private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
  private let storage: ReplyStorage
  private let bufferedBytesMax: Int
  private var isBetweenReplies = true

  /// hiredis shifts the rest of its buffer down once per kilobyte read, so it is fed by small pieces.
  static let pieceBytesMax = 8 * 1024

  /// `replyBytesMax` bounds the bytes of one reply, `replyElementsMax` its nodes over all levels.
  init(replyBytesMax: Int, replyElementsMax: Int) {
    storage = ReplyStorage(nodesMax: replyElementsMax, bytesMax: replyBytesMax)
    bufferedBytesMax = replyBytesMax + RedisReplyReader.pieceBytesMax
    unsafe functions = .allocate(capacity: 1)
    unsafe functions.initialize(to: replyObjectFunctions())
    guard let created = unsafe redisReaderCreateWithFunctions(functions) else {
      fatalError("out of memory")
    }
    unsafe reader = created
    unsafe reader.pointee.privdata = Unmanaged.passUnretained(storage).toOpaque()
    // 0: an empty buffer is kept for the next read, whatever its size. It is bounded by our own limit.
    unsafe reader.pointee.maxbuf = 0
  }

  deinit {
    unsafe redisReaderFree(reader)
    unsafe functions.deallocate()
  }

  /// Hands over bytes, at most ``pieceBytesMax``; then ``next()`` until it needs more.
  func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard unsafe reader.pointee.len - reader.pointee.pos + bytes.count <= bufferedBytesMax else {
      return false
    }
    let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    return unsafe redisReaderFeed(reader, start, bytes.count) == REDIS_OK
  }

  func next() -> Outcome {
    if isBetweenReplies {
      storage.reset()
      isBetweenReplies = false
    }
    var found: UnsafeMutableRawPointer?
    guard unsafe redisReaderGetReply(reader, &found) == REDIS_OK else { return .malformed(errorText) }
    guard unsafe found != nil else { return .needsMore }
    isBetweenReplies = true
    return .reply
  }

  /// The reply that ``next()`` announced.
  var reply: RedisReply { storage.root }

  private var errorText: String {
    unsafe withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

// hiredis knows objects as pointers; ours are positions in the storage, plus one so that none is NULL.
// NULL back means "out of memory" to it, which is how a reply past a limit is refused.

private func replyObjectFunctions() -> redisReplyObjectFunctions {
  unsafe redisReplyObjectFunctions(
    createString: { task, text, length in
      let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
      return unsafe place(task) { storage, type, parent, index in
        let kind: RedisReply.Kind =
          switch type {
          case REDIS_REPLY_ERROR: .error
          case REDIS_REPLY_STATUS: .status
          default: .string
          }
        return unsafe storage.add(kind, text: bytes, parent: parent, index: index)
      }
    },
    createArray: { task, count in
      unsafe place(task) { storage, _, parent, index in
        storage.addArray(count: Int(count), parent: parent, index: index)
      }
    },
    createInteger: { task, value in
      unsafe place(task) { storage, _, parent, index in
        storage.add(.integer, value: value, parent: parent, index: index)
      }
    },
    createNil: { task in
      unsafe place(task) { storage, _, parent, index in
        storage.add(.nil, value: 0, parent: parent, index: index)
      }
    },
    freeObject: { _ in })
}

/// Has `add` put the task's object into the storage, and makes a pointer of its position.
private func place(
  _ task: UnsafePointer<redisReadTask>?,
  _ add: (ReplyStorage, _ type: Int32, _ parent: Int?, _ index: Int) -> Int?
) -> UnsafeMutableRawPointer? {
  guard let task = unsafe task else { return nil }
  // The reader owns the storage, which so outlives every call of these functions.
  let storage = unsafe Unmanaged<ReplyStorage>.fromOpaque(task.pointee.privdata).takeUnretainedValue()
  var parent: Int?
  if let above = unsafe task.pointee.parent, let object = unsafe above.pointee.obj {
    parent = Int(bitPattern: object) - 1
  }
  guard let position = unsafe add(storage, task.pointee.type, parent, Int(task.pointee.idx)) else {
    return nil
  }
  return unsafe UnsafeMutableRawPointer(bitPattern: position + 1)
}
