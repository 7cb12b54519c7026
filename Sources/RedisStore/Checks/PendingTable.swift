/// Requests under way by their tag, with storage reused: adding one allocates nothing once the table has grown
/// to the largest number that were ever under way at once.
struct PendingTable<Element> {
  private var slots: [Element?] = []
  private var free: [Int] = []

  mutating func insert(_ element: Element) -> Int {
    if let tag = free.popLast() {
      slots[tag] = element
      return tag
    }
    slots.append(element)
    return slots.count - 1
  }

  mutating func remove(_ tag: Int) -> Element {
    guard let element = slots[tag].take() else { preconditionFailure("a reply for nobody") }
    free.append(tag)
    return element
  }
}
