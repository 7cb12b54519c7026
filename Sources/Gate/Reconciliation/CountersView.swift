/// An account as Redis had it at one moment: one side of a reconciliation.
package struct CountersView: Sendable, Equatable {
  /// A grant as the counters know it.
  package struct HeldGrant: Sendable, Equatable {
    /// What part it plays in the budget.
    package enum Role: Sendable, Equatable {
      /// The current calendar period's.
      case calendar
      /// The current period's, made in Postgres.
      case period
      /// A calendar period's that another one replaced before its time: it counts nowhere.
      case superseded
      /// Any other.
      case extra
    }
    package var reference: Grant.Reference
    package var role: Role
    package var tokens: Int64
    package var used: Int64
    package var held: Int64
    /// nil: never.
    package var expiresAt: Instant?
    package var priority: Int64
    /// 1970 for none.
    package var start: Instant
    package var stop: Instant

    package init(
      reference: Grant.Reference, role: Role, tokens: Int64, used: Int64, held: Int64, expiresAt: Instant?,
      priority: Int64, start: Instant, stop: Instant
    ) {
      self.reference = reference
      self.role = role
      self.tokens = tokens
      self.used = used
      self.held = held
      self.expiresAt = expiresAt
      self.priority = priority
      self.start = start
      self.stop = stop
    }
  }

  /// What is of the account itself; a view without it is of an account that Redis doesn't have.
  package struct Account: Sendable, Equatable {
    /// Half a step less than a whole number while older rights are fenced off.
    package var version: Double
    package var epoch: Int64
    package var debt: Int64
    /// Open holds and their earliest expiry (nil: none), as the account's header has them.
    package var openHolds: Int64
    package var nextExpiry: Instant?
    /// In the order they are spent, those whose time has passed among them.
    package var grants: [HeldGrant]

    package init(
      version: Double, epoch: Int64, debt: Int64, openHolds: Int64, nextExpiry: Instant?, grants: [HeldGrant]
    ) {
      self.version = version
      self.epoch = epoch
      self.debt = debt
      self.openHolds = openHolds
      self.nextExpiry = nextExpiry
      self.grants = grants
    }
  }

  package var id: AccountID
  /// Which usage stream books it.
  package var bucket: Int
  /// Redis' clock.
  package var now: Instant
  /// The newest entry of the stream then; nil when it never had one.
  package var newest: StreamID?
  package var account: Account?
  /// Of the holds that are open, at most as many as were asked for; each with its part of this account alone.
  package var holds: [HoldRecord]
  /// How many there are.
  package var holdsCount: Int64
  /// A user's readable rest as it stands; nil when there is none.
  package var readableRest: String?

  package init(
    id: AccountID, bucket: Int, now: Instant, newest: StreamID?, account: Account?, holds: [HoldRecord],
    holdsCount: Int64, readableRest: String?
  ) {
    self.id = id
    self.bucket = bucket
    self.now = now
    self.newest = newest
    self.account = account
    self.holds = holds
    self.holdsCount = holdsCount
    self.readableRest = readableRest
  }

  /// Entries up to this one are in the counters, later ones are not. A Redis that came back from an old copy has
  /// seen less of its stream than the books have; but whatever comes now is of now.
  package var moment: StreamID {
    let before = StreamID(milliseconds: now.milliseconds - 1, sequence: .max)
    return newest.map { max($0, before) } ?? before
  }
}
