-- What of a provider's answer told how long a credential is to rest: the name of a header, or `answer`.
alter table requests add column attempts.element.rest_by varchar;

-- How an attempt ended, as far as that tells something of its provider. Null where the request itself is to blame, its
-- client has left, or another target was faster.
create or replace macro attempted(error, reason) as
    case
        when error is null then 'ok'
        when
            error in ('client_disconnected', 'hedge_lost')
            or coalesce(reason, '') in ('bad_request', 'context_too_long', 'content_filter', 'thinking_state', 'not_found')
            then null
        else 'failed'
    end;
