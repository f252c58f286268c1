export const priced = (c) => ({}); export const printPrices = (r) => {};
