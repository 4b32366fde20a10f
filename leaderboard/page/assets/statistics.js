// Paired tests of two systems on the questions that both answered, by the methods of the package's `statistics`.
"use strict";
insightv.statistics = (() => {
  const Z = 1.959963984540054;
  const NUM_RESAMPLES = 10000; // as `insightv_bench.statistics` draws
  const NUM_FLIPS = 10000;

  // Two-sided p of `gained` against `lost` under a fair coin.
  function mcnemar(gained, lost) {
    const n = gained + lost;
    if (!n) return 1;
    let term = -n * Math.LN2; // the logarithm of P(X = 0)
    let sum = 0;
    for (let k = 0; k <= Math.min(gained, lost); k += 1) {
      sum += Math.exp(term);
      term += Math.log(n - k) - Math.log(k + 1);
    }
    return Math.min(1, 2 * sum);
  }

  // Bonett and Price (2012): Wald's interval once one pair won and one pair lost are added.
  function bonettPrice(sum, squares, n) {
    const mean = sum / (n + 2);
    const half = Z * Math.sqrt(Math.max(0, (squares + 2) / (n + 2) - mean * mean) / (n + 2));
    return [Math.max(-1, mean - half), Math.min(1, mean + half)];
  }

  // A small generator with a seed, so that a page shows the same figures each time (mulberry32).
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return (mixed ^ (mixed >>> 14)) >>> 0;
    };
  }

  function ones(bits) {
    let left = bits - ((bits >>> 1) & 0x55555555);
    left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
    return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }

  // How many of `num` coins show heads.
  function heads(num, random) {
    let shown = 0;
    for (let left = num; left > 0; left -= 32) shown += ones(left >= 32 ? random() : random() & (2 ** left - 1));
    return shown;
  }

  // Two-sided p of the parts' sum when each part's sign is a fair coin.
  function signFlip(parts) {
    const sizes = new Map();
    for (const part of parts) {
      const size = Number(Math.abs(part).toFixed(12));
      if (size) sizes.set(size, (sizes.get(size) ?? 0) + 1);
    }
    const seen = Math.abs(parts.reduce((sum, part) => sum + part, 0)) - 1e-9;
    const random = generator(1);
    let extreme = 0;
    for (let flip = 0; flip < NUM_FLIPS; flip += 1) {
      let sum = 0;
      for (const [size, num] of sizes) sum += size * (2 * heads(num, random) - num);
      if (Math.abs(sum) >= seen) extreme += 1;
    }
    return (1 + extreme) / (1 + NUM_FLIPS);
  }

  function bootstrap(pairs) {
    const random = generator(2);
    const drawn = [];
    for (let turn = 0; turn < NUM_RESAMPLES; turn += 1) {
      let [rightA, numA, rightB, numB] = [0, 0, 0, 0];
      for (let i = 0; i < pairs.length; i += 1) {
        const pair = pairs[random() % pairs.length];
        rightA += pair[0]; numA += pair[1]; rightB += pair[2]; numB += pair[3];
      }
      drawn.push(rightB / numB - rightA / numA);
    }
    drawn.sort((one, other) => one - other);
    const at = (share) => drawn[Math.round(share * (drawn.length - 1))];
    return [at(0.025), at(0.975)];
  }

  function clustered(pairs) {
    const totals = [0, 1, 2, 3].map((place) => pairs.reduce((sum, pair) => sum + pair[place], 0));
    const [rightA, numA, rightB, numB] = totals;
    const pooled = (rightA + rightB) / (numA + numB);
    const parts = pairs.map(([a, na, b, nb]) => (b - pooled * nb) / numB - (a - pooled * na) / numA);
    const each = pairs.map(([a, na, b, nb]) => b / nb - a / na);
    const alike = each.every((one) => one === each[0]);
    const [low, high] = alike
      ? bonettPrice(each[0] * each.length, each[0] ** 2 * each.length, each.length) : bootstrap(pairs);
    return { difference: rightB / numB - rightA / numA, low, high, p: signFlip(parts),
      method: "sign-flip test and percentile bootstrap over questions" };
  }

  // `pairs`: for each shared question right and replies of a, right and replies of b. The difference is b less a.
  function paired(pairs) {
    const n = pairs.length;
    if (!n) return null;
    const single = pairs.every((pair) => pair[1] === 1 && pair[3] === 1);
    const shared = { n, accuracyA: share(pairs, 0), accuracyB: share(pairs, 2), single };
    if (!single) return { ...shared, ...clustered(pairs) };
    const cells = { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
    for (const [a, , b] of pairs) cells[a ? (b ? "both" : "onlyA") : (b ? "onlyB" : "neither")] += 1;
    const [gained, lost] = [cells.onlyB, cells.onlyA];
    const [low, high] = bonettPrice(gained - lost, gained + lost, n);
    return { ...shared, cells, difference: (gained - lost) / n, low, high, p: mcnemar(gained, lost),
      method: "exact McNemar test, Bonett-Price interval" };
  }

  function share(pairs, place) {
    const total = (at) => pairs.reduce((sum, pair) => sum + pair[at], 0);
    return total(place) / total(place + 1);
  }

  // p values of one family adjusted after Holm (1979), in the order given.
  function holm(values) {
    const ranked = values.map((p, place) => [p, place]).sort((one, other) => one[0] - other[0]);
    const adjusted = [];
    let largest = 0;
    ranked.forEach(([p, place], rank) => {
      largest = Math.max(largest, Math.min(1, p * (values.length - rank)));
      adjusted[place] = largest;
    });
    return adjusted;
  }

  return { paired, holm, mcnemar };
})();
