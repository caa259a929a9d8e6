/* Where the STM32H747's flash is (RM0399, section 4 "Embedded flash memory"). */
#pragma once

#define FLASH_START        0x08000000U
#define FLASH_SIZE         0x200000U
#define FLASH_BANK_SIZE    0x100000U
#define FLASH_SECTOR_SIZE  0x20000U
#define FLASH_BANK_SECTORS 8U
#define FLASH_WORD_SIZE    32U /* the programming unit: 256 bits under one ECC */

#define FLASH_BANK2_START (FLASH_START + FLASH_BANK_SIZE)
