#include "CEmbedded.h"

// The dashboard's templates, style, script and icon. A test compares this list with the folder.
static const unsigned char account_books_mustache[] = {
#embed "../Dashboard/Pages/account-books.mustache"
};
static const unsigned char account_parts_mustache[] = {
#embed "../Dashboard/Pages/account-parts.mustache"
};
static const unsigned char audit_table_mustache[] = {
#embed "../Dashboard/Pages/audit-table.mustache"
};
static const unsigned char audit_mustache[] = {
#embed "../Dashboard/Pages/audit.mustache"
};
static const unsigned char backend_mustache[] = {
#embed "../Dashboard/Pages/backend.mustache"
};
static const unsigned char billing_mustache[] = {
#embed "../Dashboard/Pages/billing.mustache"
};
static const unsigned char budget_mustache[] = {
#embed "../Dashboard/Pages/budget.mustache"
};
static const unsigned char chart_mustache[] = {
#embed "../Dashboard/Pages/chart.mustache"
};
static const unsigned char event_mustache[] = {
#embed "../Dashboard/Pages/event.mustache"
};
static const unsigned char events_mustache[] = {
#embed "../Dashboard/Pages/events.mustache"
};
static const unsigned char form_mustache[] = {
#embed "../Dashboard/Pages/form.mustache"
};
static const unsigned char icon_svg[] = {
#embed "../Dashboard/Pages/icon.svg"
};
static const unsigned char layout_mustache[] = {
#embed "../Dashboard/Pages/layout.mustache"
};
static const unsigned char ledger_table_mustache[] = {
#embed "../Dashboard/Pages/ledger-table.mustache"
};
static const unsigned char ledger_mustache[] = {
#embed "../Dashboard/Pages/ledger.mustache"
};
static const unsigned char me_mustache[] = {
#embed "../Dashboard/Pages/me.mustache"
};
static const unsigned char overview_live_mustache[] = {
#embed "../Dashboard/Pages/overview-live.mustache"
};
static const unsigned char overview_mustache[] = {
#embed "../Dashboard/Pages/overview.mustache"
};
static const unsigned char pager_mustache[] = {
#embed "../Dashboard/Pages/pager.mustache"
};
static const unsigned char problem_mustache[] = {
#embed "../Dashboard/Pages/problem.mustache"
};
static const unsigned char script_js[] = {
#embed "../Dashboard/Pages/script.js"
};
static const unsigned char secret_mustache[] = {
#embed "../Dashboard/Pages/secret.mustache"
};
static const unsigned char settings_mustache[] = {
#embed "../Dashboard/Pages/settings.mustache"
};
static const unsigned char sign_in_mustache[] = {
#embed "../Dashboard/Pages/sign-in.mustache"
};
static const unsigned char style_css[] = {
#embed "../Dashboard/Pages/style.css"
};
static const unsigned char tenant_mustache[] = {
#embed "../Dashboard/Pages/tenant.mustache"
};
static const unsigned char tenants_mustache[] = {
#embed "../Dashboard/Pages/tenants.mustache"
};
static const unsigned char user_mustache[] = {
#embed "../Dashboard/Pages/user.mustache"
};
static const unsigned char users_mustache[] = {
#embed "../Dashboard/Pages/users.mustache"
};
static const unsigned char webhook_mustache[] = {
#embed "../Dashboard/Pages/webhook.mustache"
};
static const unsigned char webhooks_mustache[] = {
#embed "../Dashboard/Pages/webhooks.mustache"
};

const tollgate_embedded_file tollgate_page_files[] = {
    {"account-books.mustache", account_books_mustache, sizeof account_books_mustache},
    {"account-parts.mustache", account_parts_mustache, sizeof account_parts_mustache},
    {"audit-table.mustache", audit_table_mustache, sizeof audit_table_mustache},
    {"audit.mustache", audit_mustache, sizeof audit_mustache},
    {"backend.mustache", backend_mustache, sizeof backend_mustache},
    {"billing.mustache", billing_mustache, sizeof billing_mustache},
    {"budget.mustache", budget_mustache, sizeof budget_mustache},
    {"chart.mustache", chart_mustache, sizeof chart_mustache},
    {"event.mustache", event_mustache, sizeof event_mustache},
    {"events.mustache", events_mustache, sizeof events_mustache},
    {"form.mustache", form_mustache, sizeof form_mustache},
    {"icon.svg", icon_svg, sizeof icon_svg},
    {"layout.mustache", layout_mustache, sizeof layout_mustache},
    {"ledger-table.mustache", ledger_table_mustache, sizeof ledger_table_mustache},
    {"ledger.mustache", ledger_mustache, sizeof ledger_mustache},
    {"me.mustache", me_mustache, sizeof me_mustache},
    {"overview-live.mustache", overview_live_mustache, sizeof overview_live_mustache},
    {"overview.mustache", overview_mustache, sizeof overview_mustache},
    {"pager.mustache", pager_mustache, sizeof pager_mustache},
    {"problem.mustache", problem_mustache, sizeof problem_mustache},
    {"script.js", script_js, sizeof script_js},
    {"secret.mustache", secret_mustache, sizeof secret_mustache},
    {"settings.mustache", settings_mustache, sizeof settings_mustache},
    {"sign-in.mustache", sign_in_mustache, sizeof sign_in_mustache},
    {"style.css", style_css, sizeof style_css},
    {"tenant.mustache", tenant_mustache, sizeof tenant_mustache},
    {"tenants.mustache", tenants_mustache, sizeof tenants_mustache},
    {"user.mustache", user_mustache, sizeof user_mustache},
    {"users.mustache", users_mustache, sizeof users_mustache},
    {"webhook.mustache", webhook_mustache, sizeof webhook_mustache},
    {"webhooks.mustache", webhooks_mustache, sizeof webhooks_mustache},
};
const size_t tollgate_page_file_count = sizeof tollgate_page_files / sizeof tollgate_page_files[0];
