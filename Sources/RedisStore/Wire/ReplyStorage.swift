/// Where the replies of one connection lie while they are read and delivered: nodes and bytes in two
/// arrays that keep their capacity, so that a reply costs no allocation. hiredis moves its own buffer
/// before it hands a reply over, so the bytes are copied here as they are parsed.
final class ReplyStorage {
  struct Node {
    var kind: RedisReply.Kind
    /// The integer, or the number of bytes or of elements.
    var value: Int64
    /// Where the bytes or the elements start.
    var start: Int
  }

  private(set) var nodes: [Node] = []
  private var bytes: [UInt8] = []
  /// Raised whenever the storage is reused, so that a reply that outlived its call is found out.
  private(set) var generation: UInt64 = 0
  private let nodesMax: Int
  private let bytesMax: Int

  /// Largest capacity in bytes that is kept from one reply to the next.
  private static let bytesKept = 1 << 20

  init(nodesMax: Int, bytesMax: Int) {
    self.nodesMax = nodesMax
    self.bytesMax = bytesMax
  }

  /// The whole reply; only after the reader said that there is one.
  var root: RedisReply { RedisReply(storage: self, node: nodes[0]) }

  /// Forgets the reply, for the next one.
  func reset() {
    generation &+= 1
    nodes.removeAll(keepingCapacity: nodes.capacity <= ReplyStorage.bytesKept / MemoryLayout<Node>.stride)
    bytes.removeAll(keepingCapacity: bytes.capacity <= ReplyStorage.bytesKept)
  }

  /// A node without children: the root where `parent` is nil, else element `index` of it. nil when it
  /// would go past a limit.
  func add(_ kind: RedisReply.Kind, value: Int64, parent: Int?, index: Int) -> Int? {
    place(Node(kind: kind, value: value, start: 0), parent: parent, index: index)
  }

  /// A node with a copy of `text`.
  func add(_ kind: RedisReply.Kind, text: UnsafeRawBufferPointer, parent: Int?, index: Int) -> Int? {
    guard text.count <= bytesMax - bytes.count else { return nil }
    let start = bytes.count
    unsafe bytes.append(contentsOf: text)
    return place(Node(kind: kind, value: Int64(text.count), start: start), parent: parent, index: index)
  }

  /// An array, with room for its elements side by side. The count is the sender's word, and is checked
  /// against the limit before anything is reserved.
  func addArray(count: Int, parent: Int?, index: Int) -> Int? {
    guard count >= 0, count <= nodesMax - nodes.count - 1 else { return nil }
    let node = Node(kind: .array, value: Int64(count), start: 0)
    guard let position = place(node, parent: parent, index: index) else { return nil }
    nodes[position].start = nodes.count
    nodes.append(contentsOf: repeatElement(Node(kind: .nil, value: 0, start: 0), count: count))
    return position
  }

  private func place(_ node: Node, parent: Int?, index: Int) -> Int? {
    guard let parent else {
      nodes.append(node)
      return nodes.count - 1
    }
    let position = nodes[parent].start + index
    nodes[position] = node
    return position
  }

  func withBytes<Result>(at start: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe bytes.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
  }
}
