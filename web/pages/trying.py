"""What the forms of a provider's page do: ask it now, have the next request try what rests, end rests."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.management import probes, rests
from gateway.management.probes import ProbeView, ProbeWish
from gateway.management.rests import Pool, TryWish
from web.filters import address
from web.page import Sent, Shown, Site, Visit
from web.pages.providers import PATH


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of asking it."""

    credential: str
    model: str
    view: ProbeView
    ended: int
    """Rests that are over by it."""


async def probe(site: Site, visit: Visit) -> Shown:
    """Ask it now, for its list of models or for a model; an answer of a model ends the rest."""
    provider = rests.find_provider(site.around.providers, visit.names["id"])
    credential, model = visit.form.text("credential", 64), visit.form.text("model")
    if credential:
        rests.find_credential(provider, credential)
    if model:
        wish = TryWish(provider=provider.id, credential=credential or None, model=model)
        pool = Pool(provider, site.around.pools)
        tried = await rests.try_now(site.office, visit.person, wish, pool, site.around.ask)
        assert tried.asked is not None  # a model was named
        return Shown(Probed(credential, model, tried.asked, tried.ended))
    asked = probes.try_credential if credential else probes.try_provider
    name = f"{provider.id}/{credential}" if credential else provider.id
    view = await asked(site.office, visit.person, name, ProbeWish(), site.around.ask)
    return Shown(Probed(credential, model, view, 0))


async def let_try(site: Site, visit: Visit) -> Sent:
    """The next request of a client tries what rests."""
    provider = rests.find_provider(site.around.providers, visit.names["id"])
    credential = visit.form.text("credential", 64) or None
    if credential is not None:
        rests.find_credential(provider, credential)
    wish = TryWish(provider=provider.id, credential=credential)
    pool = Pool(provider, site.around.pools)
    tried = await rests.try_now(site.office, visit.person, wish, pool, site.around.ask)
    return Sent(address(f"{PATH}/{provider.id}", {"said": "let-try" if tried.let else "nothing-rests"}))


async def end_rests(site: Site, visit: Visit) -> Sent:
    """What rests is used again."""
    provider = rests.find_provider(site.around.providers, visit.names["id"])
    which = rests.whose(provider.id, visit.form.text("credential", 64) or None, visit.form.text("model", 400) or None)
    ended = await rests.end_rests(site.office, visit.person, which, site.around.pools)
    return Sent(address(f"{PATH}/{provider.id}", {"said": "rests-ended" if ended.ended else "nothing-rests"}))
