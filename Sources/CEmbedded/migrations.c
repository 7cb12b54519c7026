#include "CEmbedded.h"

// In the order they run. A new migration is added here and below; a test compares the folder with this.
static const unsigned char accounts[] = {
#embed "../PostgresStore/Migrations/0001-accounts.sql"
};
static const unsigned char billing[] = {
#embed "../PostgresStore/Migrations/0002-billing.sql"
};
static const unsigned char books[] = {
#embed "../PostgresStore/Migrations/0003-books.sql"
};
static const unsigned char outbox[] = {
#embed "../PostgresStore/Migrations/0004-outbox.sql"
};
static const unsigned char billing_payments[] = {
#embed "../PostgresStore/Migrations/0010-billing.sql"
};
static const unsigned char keys[] = {
#embed "../PostgresStore/Migrations/0011-keys.sql"
};
static const unsigned char limits_and_rollups[] = {
#embed "../PostgresStore/Migrations/0012-limits-and-rollups.sql"
};
static const unsigned char events[] = {
#embed "../PostgresStore/Migrations/0013-events.sql"
};
static const unsigned char operations[] = {
#embed "../PostgresStore/Migrations/0014-operations.sql"
};
static const unsigned char lists[] = {
#embed "../PostgresStore/Migrations/0015-lists.sql"
};
static const unsigned char billing_whole[] = {
#embed "../PostgresStore/Migrations/0016-billing.sql"
};
static const unsigned char announcements[] = {
#embed "../PostgresStore/Migrations/0017-announcements.sql"
};
static const unsigned char degraded_charges[] = {
#embed "../PostgresStore/Migrations/0018-degraded-charges.sql"
};
static const unsigned char booked_index[] = {
#embed "../PostgresStore/Migrations/0019-booked-index.sql"
};
static const unsigned char versions[] = {
#embed "../PostgresStore/Migrations/0020-versions.sql"
};
static const unsigned char dashboard[] = {
#embed "../PostgresStore/Migrations/0021-dashboard.sql"
};
static const unsigned char lists_at_size[] = {
#embed "../PostgresStore/Migrations/0023-lists-at-size.sql"
};
static const unsigned char payments[] = {
#embed "../PostgresStore/Migrations/0024-payments.sql"
};
static const unsigned char statuses[] = {
#embed "../PostgresStore/Migrations/0027-statuses.sql"
};
static const unsigned char speaking_status[] = {
#embed "../PostgresStore/Migrations/0028-speaking-status.sql"
};

const tollgate_embedded_file tollgate_migration_files[] = {
    {"0001-accounts", accounts, sizeof accounts},
    {"0002-billing", billing, sizeof billing},
    {"0003-books", books, sizeof books},
    {"0004-outbox", outbox, sizeof outbox},
    {"0010-billing", billing_payments, sizeof billing_payments},
    {"0011-keys", keys, sizeof keys},
    {"0012-limits-and-rollups", limits_and_rollups, sizeof limits_and_rollups},
    {"0013-events", events, sizeof events},
    {"0014-operations", operations, sizeof operations},
    {"0015-lists", lists, sizeof lists},
    {"0016-billing", billing_whole, sizeof billing_whole},
    {"0017-announcements", announcements, sizeof announcements},
    {"0018-degraded-charges", degraded_charges, sizeof degraded_charges},
    {"0019-booked-index", booked_index, sizeof booked_index},
    {"0020-versions", versions, sizeof versions},
    {"0021-dashboard", dashboard, sizeof dashboard},
    {"0023-lists-at-size", lists_at_size, sizeof lists_at_size},
    {"0024-payments", payments, sizeof payments},
    {"0027-statuses", statuses, sizeof statuses},
    {"0028-speaking-status", speaking_status, sizeof speaking_status},
};
const size_t tollgate_migration_file_count =
    sizeof tollgate_migration_files / sizeof tollgate_migration_files[0];
