// The server renders the page; this replaces it with a newer one every few seconds.
(() => {
    const interval = 3000;
    let failed = 0;

    const replace = (text) => {
        const fresh = new DOMParser().parseFromString(text, "text/html");
        for (const id of ["top", "main"]) {
            const there = document.getElementById(id);
            const next = fresh.getElementById(id);
            if (there && next && there.innerHTML !== next.innerHTML) {
                there.replaceChildren(...next.childNodes);
            }
        }
        document.title = fresh.title;
    };

    const tell = (lost) => {
        document.getElementById("lost").hidden = !lost;
        document.body.classList.toggle("stale", lost);
    };

    const update = async () => {
        if (document.hidden) {
            return;
        }
        try {
            const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(10000) });
            if (!answer.ok) {
                throw new Error(answer.statusText);
            }
            const text = await answer.text();
            if (!document.getSelection() || document.getSelection().isCollapsed) {
                replace(text);
            }
            failed = 0;
            tell(false);
        } catch {
            failed += 1;
            tell(failed > 1);
        }
    };

    const run = () => update().finally(() => setTimeout(run, interval));
    document.addEventListener("visibilitychange", update);
    setTimeout(run, interval);
})();
