"""Reads `/metrics` of a server, as Prometheus does."""

from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.process import ServerProcess

URL = r"http://127\.0\.0\.1:\d+/metrics"
PREFIX = "graphql_auth_"


class Scrape:
    """The metrics of a server at one time."""

    def __init__(self, server: ServerProcess) -> None:
        response = httpx.get(server.wait_for_output(URL), timeout=30)
        assert response.status_code == 200
        self.text = response.text
        self.families = {one.name: one for one in text_string_to_metric_families(self.text)}
        self._samples = [one for family in self.families.values() for one in family.samples]

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by the values of labels, summed over the other labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for sample in self._samples:
            if sample.name == PREFIX + name:
                sums[tuple(sample.labels[label] for label in labels)] += sample.value  # type: ignore[assignment]
        return dict(sums)

    def value(self, name: str) -> float:
        """The value of a metric that has no labels."""
        return self.by(name)[()]

    @property
    def requests(self) -> dict[tuple[str, ...], float]:
        """The requests by field and code, without that of a server that starts."""
        found = self.by("requests_total", "field", "code")
        return {labels: value for labels, value in found.items() if labels[0] != "__typename"}
