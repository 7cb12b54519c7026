-- The subscription that speaks is found by index, however the function is called and whatever is known of the table.
-- A parameter has the collation of the call, and one called with a trigger's TG_TABLE_NAME, a name, compares by that
-- type's "C", which an index of text can't serve: each account that changed read all subscriptions
-- (https://www.postgresql.org/docs/current/collation.html). And a plan that was made when the table was small would
-- outlive that inside a statement of many rows.
-- PL/pgSQL keeps its plan for the session; SQL functions are planned anew for each statement, and this one takes
-- longer to plan than to run.
CREATE OR REPLACE FUNCTION speaking_status(kind text, account text, account_plan text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET enable_seqscan TO off AS $$
BEGIN
  RETURN (SELECT status FROM (
      SELECT * FROM subscriptions
      WHERE kind = 'user' AND user_id = account COLLATE "default" AND tenant_id IS NULL
      UNION ALL
      SELECT * FROM subscriptions WHERE kind = 'tenant' AND tenant_id = account COLLATE "default") AS candidate
    ORDER BY status IN ('active', 'trialing', 'past_due') DESC,
      status IN ('active', 'trialing', 'past_due') AND plan IS NOT DISTINCT FROM account_plan DESC,
      current_period_end DESC NULLS LAST, created_at DESC, stripe_subscription_id
    LIMIT 1);
END $$;
