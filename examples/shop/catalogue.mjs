// What the shop sells. Prices are whole cents: no amount in this shop is ever a fraction.

/**
 * @typedef {{ id: string, name: string, tagline: string, about: string, price: number,
 *   unit: string, tin: string, leaf: string }} Product
 */

export const CURRENCY = "usd";

/** @type {readonly Product[]} */
export const PRODUCTS = [
  {
    id: "forest-breakfast",
    name: "Forest Breakfast",
    tagline: "Assam with a wisp of birch smoke",
    about: "A strong morning tea from two Assam gardens. A tenth of the leaf is smoked slowly over "
      + "birch, so it tastes of a hut in the woods and still takes milk well.",
    price: 2400, unit: "100 g tin", tin: "#1f4d3a", leaf: "#e9c46a",
  },
  {
    id: "first-flush",
    name: "First Flush",
    tagline: "Darjeeling, picked in March",
    about: "The first leaves after the winter: pale in the cup, with grape and green almond. "
      + "Brew it a little cooler than you think, and leave the milk out.",
    price: 3600, unit: "80 g tin", tin: "#6b7f3f", leaf: "#f4f1de",
  },
  {
    id: "sea-mint",
    name: "Sea Mint",
    tagline: "Spearmint, fennel and a pinch of salt",
    about: "A herbal blend without caffeine. Spearmint from the coast, fennel seed, and just "
      + "enough sea salt to make the mint taste sweet.",
    price: 1800, unit: "70 g tin", tin: "#1d6f7a", leaf: "#cdeae5",
  },
  {
    id: "evening-rooibos",
    name: "Evening Rooibos",
    tagline: "Red bush, orange peel, vanilla",
    about: "Rooibos from the Cederberg with dried orange peel and a vanilla pod in every tin. "
      + "Round, warm, and kind to your sleep.",
    price: 2100, unit: "100 g tin", tin: "#a4452c", leaf: "#f2b279",
  },
  {
    id: "night-train",
    name: "Night Train Genmaicha",
    tagline: "Green tea with toasted rice",
    about: "Spring bancha and popped brown rice, toasted the week it ships. Tastes like the "
      + "kitchen of a good noodle shop at midnight.",
    price: 2000, unit: "90 g tin", tin: "#3b3a57", leaf: "#d8c99b",
  },
  {
    id: "starter-set",
    name: "The Starter Set",
    tagline: "A pot, a strainer and three small tins",
    about: "A half-litre glass pot, a steel strainer, and 30 g each of Forest Breakfast, First "
      + "Flush and Sea Mint. Everything for the first month.",
    price: 5400, unit: "gift box", tin: "#7a3e58", leaf: "#f0d5de",
  },
];

/** @param {string} id */
export const productOf = (id) => PRODUCTS.find((product) => product.id === id);

const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: CURRENCY });

/** @param {number} cents */
export const money = (cents) => dollars.format(cents / 100);
